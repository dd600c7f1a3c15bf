import { styleText } from 'node:util';
import type { RunState } from '../protocol/states.ts';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Colours text, or leaves it alone. The decision was made before: `styleText` is not asked to make its own. */
export function createPaint(colour: boolean): Paint {
  return (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text);
}

export const stateStyles: Record<RunState, Style> = {
  QUEUED: 'gray',
  PENDING: 'gray',
  CLAIMED: 'cyan',
  INPROGRESS: 'cyan',
  BLOCKED: 'yellow',
  SUCCEEDED: 'green',
  FAILED: 'red',
  ERROR: 'red',
  CANCELLED: 'yellow',
};
