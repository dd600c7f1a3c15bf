import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { unsentFile, type UnsentCall } from '../protocol/unsent.ts';

/** Calls that the server has not answered yet, where they outlive this process. */
export interface UnsentCalls {
  /** Whether somebody delivers them afterwards. */
  readonly areDelivered: boolean;
  keep(call: UnsentCall): void;
  /** The server has heard all of them. */
  forget(): void;
}

/**
 * Keeps them in a folder, or nowhere where none was named. At once, not in the background: what is kept is kept when the
 * next signal comes, which may be SIGKILL. A machine that goes down ends the run anyway, so nothing is synchronised.
 */
export function openUnsentCalls(folder: string | undefined): UnsentCalls {
  if (folder === undefined) return { areDelivered: false, keep: () => undefined, forget: () => undefined };
  const file = join(folder, unsentFile);
  let isEmpty = true;
  let isBroken = false;
  return {
    get areDelivered() {
      return !isBroken;
    },
    keep(call) {
      if (isBroken) return;
      try {
        appendFileSync(file, `${JSON.stringify(call)}\n`, { mode: 0o600 });
        isEmpty = false;
      } catch {
        // A full disk, or a folder that the harness has removed: the server may still be reached before this agent ends.
        isBroken = true;
      }
    },
    forget() {
      if (isEmpty) return;
      rmSync(file, { force: true });
      isEmpty = true;
    },
  };
}
