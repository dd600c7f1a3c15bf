import { Link } from '@tanstack/react-router';
import type { RunItem } from '../../protocol/runs.ts';
import { harnessLabel, hostLabel, sourceLabels } from '../model/labels.ts';
import { runDuration } from '../model/run-duration.ts';
import { useNow } from '../hooks/use-now.ts';
import { StateBadge } from './state-badge.tsx';
import { TimeAgo } from './time-ago.tsx';
import { Words } from './words.tsx';

export function RunTable({ runs }: { runs: readonly RunItem[] }) {
  const now = useNow();
  return (
    <table className="runs">
      <thead>
        <tr>
          <th scope="col">State</th>
          <th scope="col">Run</th>
          <th scope="col">Harness</th>
          <th scope="col">Host</th>
          <th scope="col">Source</th>
          <th scope="col">Created</th>
          <th scope="col">Took</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <RunRow key={run.run_id} run={run} now={now} />
        ))}
      </tbody>
    </table>
  );
}

function RunRow({ run, now }: { run: RunItem; now: number }) {
  return (
    <tr>
      <td className="state">
        <StateBadge state={run.state} />
      </td>
      <td className="title">
        <Link to="/runs/$runId" params={{ runId: run.run_id }}>
          {run.title}
        </Link>
        {run.status_message && (
          <p className="reason">
            <Words text={run.status_message.message} />
          </p>
        )}
        {run.warnings?.map((warning, place) => (
          <p key={place} className="reason">
            <strong>Warning</strong> <Words text={warning} />
          </p>
        ))}
      </td>
      <td>{harnessLabel(run)}</td>
      <td>{hostLabel(run)}</td>
      <td>{sourceLabels[run.source]}</td>
      <td>
        <TimeAgo at={run.created_at} now={now} />
      </td>
      <td>{runDuration(run, now)}</td>
    </tr>
  );
}
