import type { Display } from './display.ts';

interface Facts {
  url: string;
  link: string;
  envFile: string;
  dataDir: string;
}

export function showNextSteps({ url, link, envFile, dataDir }: Facts, display: Display): void {
  const path = asShellWord(envFile.startsWith('/') ? envFile : `./${envFile}`);
  display.line(`
${display.bold('Web app')}   ${url}
Sign in with this link; it works once, within 10 minutes:
  ${link}

${display.bold('In a second terminal')}, in this folder:
  set -a; . ${path}; set +a
  npx oz agent run-cloud --harness shell --prompt 'echo hello' --wait
  npx oz run list

Everything is kept in ${dataDir}.
Ctrl-C stops the worker, the server and the database.`);
}

function asShellWord(path: string): string {
  return /^[\w./@%+,:=-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
