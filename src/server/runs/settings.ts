/** How long runs and their workers may take, in milliseconds, and how often they are tried. */
export interface RunSettings {
  /** For a worker to claim or to reject an offer. */
  offerTimeout: number;
  /** For a worker to say that a run which was asked to end has ended. */
  cancelTimeout: number;
  /** For a run to find a worker. */
  queueExpiry: number;
  /** For an execution, from its offer. */
  runTimeLimit: number;
  /** For a worker to be heard of again, before its executions are shown as unreachable. */
  lease: number;
  /** And before they are given up. */
  lostAfter: number;
  /** The same where another attempt may start. */
  retryAfter: number;
  /** How often an agent may begin, where the run says nothing of it. A number, no time. */
  maxAttempts: number;
}
