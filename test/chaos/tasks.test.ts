import { disks } from './scenarios/disks.ts';
import { orphans } from './scenarios/orphans.ts';
import { secrets } from './scenarios/secrets.ts';
import { shutdowns } from './scenarios/shutdowns.ts';
import { playShort } from './short.ts';

await playShort([...shutdowns, ...orphans, secrets, ...disks]);
