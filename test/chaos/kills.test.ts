import { lines } from './scenarios/lines.ts';
import { kills } from './scenarios/kills.ts';
import { playShort } from './short.ts';

await playShort([...kills, ...lines]);
