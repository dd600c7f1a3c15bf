import { exitCodes } from '../common/exit-codes.ts';

/** What ends `npm start`: its message is all that the user is shown. */
export class QuickstartError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = exitCodes.failure) {
    super(message);
    this.name = 'QuickstartError';
    this.exitCode = exitCode;
  }
}
