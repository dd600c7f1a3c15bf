import type { RelayTask } from './backends/direct/isolation/egress/egress.ts';
import { startRelay } from './backends/direct/isolation/egress/relay.ts';
import { readArguments, standInFor } from './backends/direct/isolation/egress/stand-in.ts';

/** The sandbox's end of its way out, and the parent of the program in it. */
const { task: told, command } = readArguments(process.argv.slice(2));
const task = told as RelayTask;
await startRelay(task);
process.exit(await standInFor(command, process.cwd()));
