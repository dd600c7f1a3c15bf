/** What the doctor found out about one thing. */
export interface Finding {
  /** `fail`: the worker would not run, or not as it is configured. `warn`: it runs, with a caveat. */
  status: 'ok' | 'warn' | 'fail';
  what: string;
  detail: string;
  /** What to do about it. */
  advice?: string;
}

export function ok(what: string, detail: string): Finding {
  return { status: 'ok', what, detail };
}

export function warn(what: string, detail: string, advice: string): Finding {
  return { status: 'warn', what, detail, advice };
}

export function fail(what: string, detail: string, advice: string): Finding {
  return { status: 'fail', what, detail, advice };
}
