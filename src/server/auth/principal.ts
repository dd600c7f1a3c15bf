import type { ExecutionId, RunId } from '../../protocol/ids.ts';

/** Who makes a request, as its credential says; always within one team. */
export type Principal = UserPrincipal | KeyPrincipal | AgentPrincipal;

/** A person with a session of the web app. */
export interface UserPrincipal {
  kind: 'user';
  userId: string;
  teamId: string;
  role: 'admin' | 'member';
}

/** A machine with one of the team's API keys. */
export interface KeyPrincipal {
  kind: 'key';
  keyId: string;
  teamId: string;
}

/** The agent of one execution, with the token that its offer carried: good for its own run alone. */
export interface AgentPrincipal {
  kind: 'agent';
  runId: RunId;
  executionId: ExecutionId;
  fence: number;
  teamId: string;
}
