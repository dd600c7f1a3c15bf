import type { Option } from 'commander';

/** Lets an environment variable stand for a flag. An empty one counts as none, as scripts and CI systems mean it. */
export function orVariable(option: Option, name: string): Option {
  return process.env[name] === '' ? option : option.env(name);
}
