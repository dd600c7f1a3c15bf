import type { Scenario } from '../scenario.ts';
import { disks } from './disks.ts';
import { freezes } from './freezes.ts';
import { kills } from './kills.ts';
import { lines } from './lines.ts';
import { cancels, orphans } from './orphans.ts';
import { secrets } from './secrets.ts';
import { shutdowns } from './shutdowns.ts';
import { storm } from './storm.ts';

export const scenarios: readonly Scenario[] = [
  ...kills,
  ...lines,
  ...freezes,
  ...shutdowns,
  cancels,
  ...orphans,
  secrets,
  ...disks,
  storm,
];
