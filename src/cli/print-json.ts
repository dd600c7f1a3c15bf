import { compileFilter, type JsonFilter } from './jq.ts';
import type { Terminal } from './terminal.ts';

/** Prints a server's answer as JSON, indented, or what the filter makes of it. */
export async function printJson(terminal: Terminal, body: unknown, filter: JsonFilter | undefined): Promise<void> {
  terminal.stdout(filter ? await filter(JSON.stringify(body)) : `${JSON.stringify(body, null, 2)}\n`);
}

/** The compiled filter of `--jq`, if there is one. */
export async function filterOf({ jq }: { jq?: string | undefined }): Promise<JsonFilter | undefined> {
  return jq === undefined ? undefined : compileFilter(jq);
}

export const jqFlag = ['--jq <FILTER>', 'filter the JSON answer with a jq expression'] as const;
