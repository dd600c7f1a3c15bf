/** What the programs exit with; the first three are the official clients' own. */
export const exitCodes = {
  success: 0,
  /** The work failed, or a run ended otherwise than SUCCEEDED. */
  failure: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** The server refused the credential. */
  refused: 3,
} as const;
