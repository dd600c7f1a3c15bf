/** A command line that cannot be done, found after it was parsed: exit code 2, like those found before. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Stands under every complaint about a command line. */
export const adviceAfterUsageError = "For more information, try '--help'.";
