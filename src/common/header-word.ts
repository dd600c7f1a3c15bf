/** Whether an HTTP header can carry it as one word: visible ASCII, and some of it. */
export function isHeaderWord(text: string): boolean {
  return /^[\u0021-\u007e]+$/.test(text);
}
