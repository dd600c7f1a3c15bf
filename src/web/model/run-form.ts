import { createRunSchema, type CreateRun } from '../../protocol/runs.ts';

/** What of a form is readable as text, as FormData has it. */
interface Fields {
  get(name: string): unknown;
}

/** The request that a form makes, or what is wrong with it in words. */
export function createRunOf(fields: Fields): { body?: CreateRun; problem?: string } {
  const text = (name: string) => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : '';
  };
  // Browsers send the line ends of a text area as CRLF, and no script survives those.
  const prompt = text('prompt').replaceAll('\r\n', '\n');
  if (!prompt.trim()) return { problem: 'A run needs a prompt.' };
  const host = text('host');
  const title = text('title').trim();
  const parsed = createRunSchema.safeParse({
    prompt,
    ...(title && { title }),
    config: { harness: { type: text('harness') }, ...(host && { worker_host: host }) },
  });
  return parsed.success ? { body: parsed.data } : { problem: wordsOf(parsed.error.issues[0]) };
}

function wordsOf(issue: { path: PropertyKey[]; message: string } | undefined): string {
  return `The field \`${issue?.path.join('.')}\`: ${issue?.message}.`;
}
