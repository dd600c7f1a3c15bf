const longestTitle = 80;

/** What a run is called when nobody named it: the first line of its prompt that says something, cut on a word. */
export function titleOf(prompt: string): string {
  const line = prompt.split('\n').find((candidate) => candidate.trim() !== '') ?? '';
  const words = line.trim().split(/\s+/).join(' ');
  if (words.length <= longestTitle) return words || 'Untitled run';
  const start = words.slice(0, longestTitle);
  const end = start.lastIndexOf(' ');
  return `${(end > longestTitle / 2 ? start.slice(0, end) : start.slice(0, -1)).toWellFormed()}…`;
}
