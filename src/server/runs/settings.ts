/** How long runs and their workers may take, in milliseconds. */
export interface RunSettings {
  /** For a worker to claim or to reject an offer. */
  offerTimeout: number;
  /** For a worker to say that a run which was asked to end has ended. */
  cancelTimeout: number;
  /** For a run to find a worker. */
  queueExpiry: number;
  /** For an execution, from its offer. */
  runTimeLimit: number;
  /** For a worker that lost its connection to come back. */
  lostAfter: number;
}
