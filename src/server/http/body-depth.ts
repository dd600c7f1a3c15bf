import { CodedError } from '../../protocol/errors.ts';
import type { App } from './fastify-app.ts';

/** Lists and objects within each other, at most; nothing that a client has to say comes near it. */
const deepest = 100;

/** Refuses a body that whoever walks through it later, the database among them, would run out of stack with. */
export function refuseDeepBodies(app: App): void {
  app.addHook('preValidation', async ({ body }) => {
    if (isDeeperThan(body, deepest)) {
      throw new CodedError('invalid_request', `Body is nested deeper than ${deepest} levels.`);
    }
  });
}

/** Level by level, because a walk into the depth would itself run out of stack. */
function isDeeperThan(value: unknown, levels: number): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === levels) return true;
    level = level.flatMap((container) => Object.values(container).filter(isContainer));
  }
  return false;
}

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
