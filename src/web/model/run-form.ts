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
  const host = text('host');
  const title = text('title').trim();
  const parsed = createRunSchema.safeParse({
    // Browsers send the line ends of a text area as CRLF, and no script survives those.
    prompt: text('prompt').replaceAll('\r\n', '\n'),
    ...(title && { title }),
    config: { harness: { type: text('harness') }, ...(host && { worker_host: host }) },
  });
  if (parsed.success) return { body: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    problem: `The ${issue?.path.at(-1) === 'prompt' ? 'prompt' : issue?.path.join('.')} ${issue?.message}.`,
  };
}
