import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useClient } from '../client-context.ts';
import { Command } from '../parts/command.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { RunTable } from '../parts/run-table.tsx';
import { runsQuery } from '../queries.ts';

export function RunsPage() {
  const client = useClient();
  const { data, error, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(runsQuery(client));
  const runs = data?.pages.flatMap((page) => page.runs);
  return (
    <main>
      <title>Runs · Emerald</title>
      <div className="heading">
        <h1>Runs</h1>
        <Link to="/runs/new" className="button primary">
          New run
        </Link>
      </div>
      {error && <ProblemNotice error={error} />}
      {!runs && !error && <p className="placeholder">Loading…</p>}
      {runs?.length === 0 && <NoRuns />}
      {runs && runs.length > 0 && <RunTable runs={runs} />}
      {hasNextPage && (
        <button type="button" className="more" disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {isFetchingNextPage ? 'Loading…' : 'Load more'}
        </button>
      )}
    </main>
  );
}

const firstCommand = `set -a; . .data/quickstart.env; set +a
npx oz agent run-cloud --harness shell --prompt 'echo "Hello from $(hostname)"' --wait`;

function NoRuns() {
  return (
    <section className="empty">
      <h2>No runs yet</h2>
      <p>
        <Link to="/runs/new">Start one here</Link>, or from a terminal:
      </p>
      <Command lines={firstCommand} />
    </section>
  );
}
