import { again, underLoad } from '../load.ts';
import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';
import { killDaemon, seldom } from './faults.ts';

const secret = 'hunter22-under-the-doormat';
const certificate = '-----BEGIN KEY-----\nMIIEvgIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----';
const base64 = Buffer.from(secret).toString('base64');

/** A secret said in pieces, over several lines and in base64, while the daemon that masks it is killed. */
export const secrets: Scenario = {
  name: 'secrets',
  breaks: 'a secret split over chunks, SIGKILL of the daemon between them',
  share: 40,
  few: 5,
  settings: {
    direct: [
      'environment:',
      `  - {name: DOOR_PASSWORD, value: ${secret}}`,
      `  - {name: DOOR_PRIVATE_KEY, value: ${JSON.stringify(certificate)}}`,
    ],
  },
  plan: (usual, random) => ({ ...usual, deed: random.pick(says) }),
  play: (stage, load) => underLoad(stage, load, (calm) => again(stage, calm, seldom, () => killDaemon(stage))),
  inspect: findLeaks,
};

/** Each ends its line, so that the counted lines around it stay whole. */
const says = [
  'rest=${DOOR_PASSWORD#hunter}; printf hunter; sleep 0.3; echo "$rest"',
  'printf %s "$DOOR_PASSWORD" | fold -w 5 | while read -r part; do printf %s "$part"; sleep 0.1; done; echo',
  'echo "$DOOR_PRIVATE_KEY"',
  'printf %s "$DOOR_PASSWORD" | base64',
];

async function findLeaks(stage: Stage): Promise<string[]> {
  const shown = stage.records.map(async ({ plan, runId }) => {
    const transcript = JSON.stringify(await stage.client.transcript(runId));
    return [[`the transcript of run ${plan.number}`, transcript] as const, await consoleOf(stage, runId)] as const;
  });
  const texts = [...(await Promise.all(shown)).flat(), ...stage.daemons.map((one) => ['a log', one.output()] as const)];
  return texts.flatMap(([where, text]) =>
    forms.filter((form) => text.includes(form)).map((form) => `${form} in ${where}`),
  );
}

const forms = [secret, base64, ...certificate.split('\n').slice(1, -1)];

async function consoleOf({ client }: Stage, runId: string): Promise<readonly [string, string]> {
  const chunks: Buffer[] = [];
  for await (const event of client.streamConsole(runId, { follow: false })) {
    if (event.event === 'console') chunks.push(Buffer.from(event.data.data, 'base64'));
  }
  return [`the console of ${runId}`, Buffer.concat(chunks).toString()];
}
