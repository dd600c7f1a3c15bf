import { UsageError } from './usage-error.ts';

/** Filters JSON text; strings at the top come out without quotes. */
export type JsonFilter = (json: string) => Promise<string>;

/** Compiles a filter of `--jq` before anything else is done: a bad one is a wrong command line. */
export async function compileFilter(filter: string): Promise<JsonFilter> {
  const { default: jq } = await import('jq-wasm');
  try {
    // Without input a filter is compiled, and never run.
    await jq.raw('', filter);
  } catch (error) {
    throw new UsageError(`\`--jq\` has a bad filter: ${reasonOf(error)}`);
  }
  return async (json) => {
    try {
      const output = await jq.raw(json, filter, ['-r']);
      return output === '' ? '' : `${output}\n`;
    } catch (error) {
      throw new Error(`The filter of --jq failed: ${reasonOf(error)}`, { cause: error });
    }
  };
}

function reasonOf(error: unknown): string {
  const [first = ''] = (error as Error).message.split('\n');
  return first.replace(/^.*?jq: (error: )?/, '').replace(/:$/, '');
}
