import { z } from 'zod';
import type { Assignment } from '../protocol/worker-link.ts';
import type { AcceptSection } from './config/config-file.ts';

/**
 * Why this worker's `accept` refuses an assignment for good, as a sentence; undefined when it does not. What an
 * assignment cannot show to be allowed is refused.
 */
export function whyNotAccepted(assignment: Assignment, accept: AcceptSection): string | undefined {
  return (
    whyNotHarness(assignment, accept.harnesses) ??
    whyNotTeam(assignment, accept.teams) ??
    whyNotRepositories(assignment, accept.repositories)
  );
}

function whyNotHarness({ task }: Assignment, harnesses: readonly string[] | undefined): string | undefined {
  if (harnesses === undefined) return undefined;
  const harness = task.agent_config_snapshot?.harness?.type?.trim() || 'oz';
  if (harnesses.includes(harness)) return undefined;
  return `This worker does not accept the harness ${quote(harness)}.`;
}

function whyNotTeam({ task }: Assignment, teams: readonly string[] | undefined): string | undefined {
  if (teams === undefined) return undefined;
  if (task.owner?.Type !== 'TEAM')
    return "This worker accepts the tasks of certain teams alone, and this is no team's.";
  if (teams.includes(String(task.owner.Id))) return undefined;
  return `This worker does not accept tasks of team ${task.owner.Id}.`;
}

function whyNotRepositories(assignment: Assignment, allowed: readonly string[] | undefined): string | undefined {
  if (allowed === undefined) return undefined;
  const repositories = repositoriesOf(assignment);
  if (repositories.length === 0) {
    return 'This worker accepts tasks of certain repositories alone, and this assignment names none.';
  }
  const stranger = repositories.find((repository) => !allowed.some((pattern) => matches(pattern, repository)));
  return stranger && `This worker does not accept tasks of the repository ${quote(stranger)}.`;
}

/** As an assignment names them: those of its environment, and that of its skill, `owner/name:skill`. */
function repositoriesOf({ task }: Assignment): string[] {
  const snapshot = task.agent_config_snapshot;
  const environment = environmentSchema.parse(snapshot?.['environment']);
  const ofSkill = /^([^:]*):/.exec(snapshot?.skill_spec?.trim() ?? '')?.[1];
  return [...environment.map(({ owner, repo }) => `${owner}/${repo}`), ...(ofSkill === undefined ? [] : [ofSkill])];
}

/** What cannot be read names no repository, and is refused as that. */
const environmentSchema = z
  .object({ github_repos: z.array(z.object({ owner: z.string(), repo: z.string() })) })
  .transform(({ github_repos }) => github_repos)
  .catch([]);

/** `owner/name` or `owner/*`; GitHub takes upper and lower case for the same. */
function matches(pattern: string, repository: string): boolean {
  const [wanted, found] = [pattern.toLowerCase(), repository.toLowerCase()];
  if (!wanted.endsWith('/*')) return found === wanted;
  return found.startsWith(wanted.slice(0, -1)) && found.split('/').length === 2;
}

/** What comes from a task may hold anything, and a reason stands on one line. */
function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
