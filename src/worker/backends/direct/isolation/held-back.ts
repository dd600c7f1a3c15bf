import { looksSecret } from '../../../../common/secret-names.ts';

type Variables = Readonly<Record<string, string>>;

/**
 * By these a program can be made to run something else before it does its own work: what the dynamic linker, the C
 * library, Node, OpenSSL and shells go by. A task's environment may hold them, and what puts the task into its isolation
 * still has the daemon's rights: so the task gets them from `env`, once it is inside. Arguments are seen by everybody on
 * the machine: a name that says secret is one that none of these programs goes by, such as NODE_AUTH_TOKEN.
 */
const heldBack =
  /^(PATH|LD_.*|GLIBC_.*|MALLOC_.*|GCONV_PATH|GETCONF_DIR|HOSTALIASES|LOCALDOMAIN|LOCPATH|NIS_PATH|NLSPATH|RES_OPTIONS|RESOLV_HOST_CONF|TZDIR|NODE_.*|OPENSSL_.*|SSL_.*|BASH_.*|BASHOPTS|SHELLOPTS|ENV|IFS|PS4)$/;

/** Splits an environment in what may be seen on the way in, and `NAME=value` arguments for what may not. */
export function holdBack(environment: Variables): { passed: Variables; held: string[] } {
  const entries = Object.entries(environment);
  const isHeld = (name: string) => heldBack.test(name) && !looksSecret(name);
  const passed = Object.fromEntries(entries.filter(([name]) => !isHeld(name)));
  const held = entries.filter(([name]) => isHeld(name)).map(([name, value]) => `${name}=${value}`);
  return { passed, held };
}
