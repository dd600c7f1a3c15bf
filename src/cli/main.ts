import { runCli } from './run-cli.ts';

// What a command leaves behind, such as an idle connection, must not hold the program up.
process.exit(await runCli(process.argv.slice(2)));
