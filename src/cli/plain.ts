/** Text of others for one line of a terminal: without control characters, which could move its cursor or lie. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for.
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}

export function shorten(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`;
}
