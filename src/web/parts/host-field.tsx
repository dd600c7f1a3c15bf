import { useQuery } from '@tanstack/react-query';
import { useClient } from '../client-context.ts';
import { workersQuery } from '../queries.ts';

export function HostField() {
  const workers = useQuery(workersQuery(useClient())).data?.workers;
  return (
    <div className="field">
      <label htmlFor="host">Host</label>
      <select id="host" name="host" aria-describedby="host-hint">
        <option value="">any worker with room</option>
        {workers?.map(({ worker_host: host }) => (
          <option key={host} value={host}>
            {host}
          </option>
        ))}
      </select>
      {workers?.length === 0 && (
        <p id="host-hint" className="hint">
          No worker is connected: the run waits in the queue until one is.
        </p>
      )}
    </div>
  );
}
