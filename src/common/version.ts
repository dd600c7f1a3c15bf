import manifest from '../../package.json' with { type: 'json' };

/** The version of the package, for `--version` and log lines. */
export const version: string = manifest.version;
