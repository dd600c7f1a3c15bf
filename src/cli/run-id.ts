import { InvalidArgumentError } from 'commander';

const nothing = '00000000-0000-0000-0000-000000000000';

/** A run's id as people write it. One that cannot be any run's is refused without asking the server. */
export function parseRunId(value: string): string {
  const id = value.trim().toLowerCase();
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) && id !== nothing) return id;
  throw new InvalidArgumentError('The id of a run is a UUID, such as 01a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8.');
}
