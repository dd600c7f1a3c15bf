type Environment = Readonly<Record<string, string>>;

/**
 * An environment on its way through a shell. Shells drop names that are no identifiers and manage some variables
 * themselves; these travel under other names, as `__carried_<n>=NAME=value`, and are put right at the shell's end.
 */
export interface CarriedEnvironment {
  environment: Environment;
  /** How many are carried. */
  count: number;
}

export function carryEnvironment(environment: Environment): CarriedEnvironment {
  const entries = Object.entries(environment);
  const carried = entries.filter(([name]) => !passesUnchanged(name));
  const passed = entries.filter(([name]) => passesUnchanged(name));
  const renamed = carried.map(([name, value], index) => [`__carried_${index + 1}`, `${name}=${value}`]);
  return { environment: Object.fromEntries([...passed, ...renamed]), count: carried.length };
}

function passesUnchanged(name: string): boolean {
  return /^[A-Za-z_]\w*$/.test(name) && !ofShells.test(name);
}

/** What dash, bash and busybox set, reset or refuse to take over, and the shim's own. */
const ofShells =
  /^(__.*|_|PWD|OLDPWD|SHLVL|IFS|PPID|OPT(IND|ARG|ERR)|LINENO|E?UID|GROUPS|RANDOM|SECONDS|SHELLOPTS|BASH.*|PS[124]|ENV|DIRSTACK|FUNCNAME|HIST.*|HOST(NAME|TYPE)|MACHTYPE|OSTYPE|PIPESTATUS|SRANDOM|EPOCH.*|FUNCNEST|TIMEFORMAT|POSIXLY_CORRECT|KSH_VERSION)$/;
