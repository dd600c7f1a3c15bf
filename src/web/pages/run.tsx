import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { RunItem } from '../../protocol/runs.ts';
import { isTerminal } from '../../protocol/states.ts';
import { useClient } from '../client-context.ts';
import { CancelRun } from '../parts/cancel-run.tsx';
import { LiveConsole } from '../parts/live-console.tsx';
import { LiveTranscript } from '../parts/live-transcript.tsx';
import { ProblemNotice } from '../parts/problem-notice.tsx';
import { Prompt } from '../parts/prompt.tsx';
import { RunFacts } from '../parts/run-facts.tsx';
import { StateBadge } from '../parts/state-badge.tsx';
import { Words } from '../parts/words.tsx';
import { runQuery } from '../queries.ts';

const route = getRouteApi('/runs/$runId');

export function RunPage() {
  const { runId } = route.useParams();
  const client = useClient();
  const { data: run, error } = useQuery(runQuery(client, runId));
  return (
    <main>
      <nav aria-label="Breadcrumb" className="breadcrumb">
        <Link to="/">Runs</Link>
      </nav>
      {error && <ProblemNotice error={error} />}
      {!run && !error && <p className="placeholder">Loading…</p>}
      {run && <Run run={run} />}
    </main>
  );
}

function Run({ run }: { run: RunItem }) {
  const { view } = route.useSearch();
  return (
    <>
      <title>{`${run.title} · Emerald`}</title>
      <div className="heading">
        <h1>{run.title}</h1>
        {run.is_run_type_cancellable && !isTerminal(run.state) && <CancelRun run={run} />}
      </div>
      <RunState run={run} />
      <Warnings of={run} />
      <div className="run">
        <RunFacts run={run} />
        <div className="run-main">
          <Prompt text={run.prompt} />
          <RunViews run={run} />
          {view === 'console' ? <LiveConsole run={run} /> : <LiveTranscript run={run} />}
        </div>
      </div>
    </>
  );
}

function RunState({ run }: { run: RunItem }) {
  const reason = run.status_message;
  return (
    <div className="run-state" role="status">
      <StateBadge state={run.state} />
      {reason && (
        <span className="reason">
          <Words text={reason.message} />
        </span>
      )}
      {reason?.error_code && <code className="code">{reason.error_code}</code>}
    </div>
  );
}

/** What went wrong beside the outcome, such as a teardown. */
function Warnings({ of: { warnings = [] } }: { of: RunItem }) {
  return warnings.map((warning, place) => (
    <p key={place} className="notice warning" role="note">
      <strong>Warning</strong> <Words text={warning} />
    </p>
  ));
}

function RunViews({ run }: { run: RunItem }) {
  const params = { runId: run.run_id };
  return (
    <nav className="tabs" aria-label="Views of the run">
      <Link
        to="/runs/$runId"
        params={params}
        activeOptions={{ exact: true, includeSearch: true, explicitUndefined: true }}
        search={{}}
      >
        Transcript
      </Link>
      <Link to="/runs/$runId" params={params} search={{ view: 'console' }}>
        Console
      </Link>
    </nav>
  );
}
