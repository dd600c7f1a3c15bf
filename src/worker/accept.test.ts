import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { assignmentSchema } from '../protocol/worker-link.ts';
import { whyNotAccepted } from './accept.ts';

const teamSeven = { owner: { Type: 'TEAM', Id: 7 } };
const repositories = (...names: string[]) => ({
  agent_config_snapshot: {
    environment: {
      github_repos: names.map((name) => ({ owner: name.split('/')[0] ?? '', repo: name.split('/')[1] ?? '' })),
    },
  },
});

test.each([
  ['what is not restricted', {}, {}],
  ['a harness of the list', { harnesses: ['shell'] }, { agent_config_snapshot: { harness: { type: ' shell ' } } }],
  ['oz, where no harness is named', { harnesses: ['oz'] }, {}],
  ['a team of the list', { teams: ['7', '8'] }, teamSeven],
  ['a repository by its name', { repositories: ['acme/site'] }, repositories('Acme/Site')],
  ['a repository of an owner', { repositories: ['acme/*'] }, repositories('acme/a', 'acme/b')],
  ["a skill's repository", { repositories: ['acme/*'] }, { agent_config_snapshot: { skill_spec: 'acme/skills:fix' } }],
])('%s is accepted', (_, accept, task) => {
  expect(whyNotAccepted(assignment(task), accept)).toBeUndefined();
});

test.each([
  ['another harness', { harnesses: ['shell'] }, {}, 'the harness "oz"'],
  ['another team', { teams: ['8'] }, teamSeven, 'team 7'],
  ["a person's task", { teams: ['7'] }, { owner: { Type: 'USER', Id: 7 } }, "no team's"],
  ['a task of nobody', { teams: ['7'] }, {}, "no team's"],
  ['one strange repository', { repositories: ['acme/*'] }, repositories('acme/a', 'evil/b'), '"evil/b"'],
  ['a look-alike', { repositories: ['acme/*'] }, repositories('acme-evil/b'), '"acme-evil/b"'],
  ['no repository', { repositories: ['acme/*'] }, {}, 'names none'],
  [
    'a skill without an owner',
    { repositories: ['acme/*'] },
    { agent_config_snapshot: { skill_spec: 'site:fix' } },
    '"site"',
  ],
])('%s is refused', (_, accept, task, words) => {
  expect(whyNotAccepted(assignment(task), accept)).toContain(words);
});

function assignment(task: object) {
  const id = randomUUID();
  const required = { id, title: 'A task', task_definition: { prompt: 'do' }, created_at: '', updated_at: '' };
  return assignmentSchema.parse({ task_id: id, task: { ...required, ...task } });
}
