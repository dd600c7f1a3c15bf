import { Fragment } from 'react';

/** A sentence of the server, in which names stand between backticks. */
export function Words({ text }: { text: string }) {
  const parts = text.split(/`([^`]+)`/);
  // What was between backticks has an odd position; a part has no other identity than its place.
  return parts.map((part, position) =>
    position % 2 === 1 ? <code key={position}>{part}</code> : <Fragment key={position}>{part}</Fragment>,
  );
}
