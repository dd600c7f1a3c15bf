import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseDuration } from '../../common/durations.ts';
import { parseSize } from '../../common/sizes.ts';
import { readStrictYaml } from './strict-yaml.ts';

/** The config file of the official worker, key for key. Unknown keys are refused on every level. */

/** What becomes of running tasks when the daemon is asked to stop. */
export const onShutdownChoices = ['detach', 'drain', 'cancel'] as const;
export type OnShutdown = (typeof onShutdownChoices)[number];

/** How a task's processes are held together; `auto` is the strongest that the host gives. */
export const containmentChoices = ['auto', 'cgroup', 'pid_namespace', 'environment'] as const;
export type ContainmentChoice = (typeof containmentChoices)[number];

/** A key without a value is one that is not there. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);
const text = optional(z.string());
const nonEmpty = z.string().min(1);
const strings = optional(z.record(z.string(), z.string()));
const yesOrNo = z.enum(['true', 'false'], 'must be true or false').transform((value) => value === 'true');
const wholeNumber = z
  .string()
  .regex(/^[+-]?\d+$/, 'must be a whole number')
  .transform(Number);
const positiveNumber = wholeNumber.refine((value) => value > 0, 'must be above zero');
const duration = z.string().refine((value) => parseDuration(value) !== undefined, 'must be a duration such as 60s');

/** Without a value the variable is inherited from the daemon's own environment. */
const environment = z.array(
  z.strictObject({
    name: nonEmpty.regex(/^[^\s=]+$/, 'must not contain whitespace or ='),
    value: text,
  }),
);

const size = z
  .string()
  .transform((value, context) => parseSize(value) ?? addIssue(context, 'must be a size such as 512MiB or 2GiB'));
/** One name, or a list of them. */
const oneOrMore = (item: z.ZodString) =>
  z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(item).min(1));
const names = oneOrMore(nonEmpty);
const addresses = oneOrMore(nonEmpty.refine(isAddress, 'must be host, host:port or *.domain'));

/** Of one task; what is absent is not limited. */
const limitsSchema = z.strictObject({
  memory: optional(size),
  processes: optional(positiveNumber),
  /** Of each of its commands' output. */
  output: optional(size),
});

/** What this worker takes at all; what is absent is not restricted. */
const acceptSchema = z.strictObject({
  harnesses: optional(names),
  /** Numbers of teams, as an assignment names its owner. */
  teams: optional(names),
  /** `owner/name` or `owner/*`. */
  repositories: optional(names),
});

const sandboxSchema = z.strictObject({
  type: z.literal('bubblewrap', 'must be bubblewrap'),
  /** `off` leaves the server and `allow`, through a proxy that the sandbox is given. */
  network: optional(z.enum(['on', 'off'], 'must be on or off')),
  /** Addresses, `host`, `host:port` or `*.domain`, that can be reached with the network off. */
  allow: optional(addresses),
  /** More folders that can be written to; what can be read within a hidden folder; what cannot be seen. */
  writable: optional(names),
  readable: optional(names),
  hidden: optional(names),
});

const directSchema = z.strictObject({
  workspace_root: text,
  target_dir: text,
  oz_path: text,
  setup_command: text,
  teardown_command: text,
  environment: optional(environment),
  teardown_timeout: optional(duration),
  run_as: optional(names),
  sandbox: z.preprocess(
    (section) => (typeof section === 'string' ? { type: section } : section),
    optional(sandboxSchema),
  ),
  private_tmp: optional(yesOrNo),
  containment: optional(z.enum(containmentChoices, `must be one of ${containmentChoices.join(', ')}`)),
});

export const directKeys = Object.keys(directSchema.shape);

const dockerSchema = z.strictObject({ volumes: optional(z.array(nonEmpty)), environment: optional(environment) });

const commandSchema = z.strictObject({
  dispatch_command: nonEmpty,
  cancel_command: text,
  dispatch_timeout: optional(duration),
  environment: optional(environment),
});

const kubernetesSchema = z.strictObject({
  namespace: text,
  kubeconfig: text,
  default_image: text,
  image_pull_policy: optional(z.enum(['Always', 'Never', 'IfNotPresent'])),
  use_image_volumes: optional(yesOrNo),
  preflight_image: text,
  sidecar_image: text,
  coding_cli_sidecars: strings,
  setup_command: text,
  teardown_command: text,
  extra_labels: strings,
  extra_annotations: strings,
  active_deadline_seconds: optional(wholeNumber),
  ttl_seconds_after_finished: optional(wholeNumber),
  workspace_size_limit: text,
  unschedulable_timeout: optional(duration),
  pod_template: optional(z.looseObject({})),
  preflight_resources: optional(z.looseObject({})),
});

const backendSchema = z
  .strictObject({
    docker: sectionOf(dockerSchema),
    direct: sectionOf(directSchema),
    kubernetes: sectionOf(kubernetesSchema),
    command: commandSchema.optional(),
  })
  .refine((backend) => Object.keys(backend).length <= 1, {
    error: ({ input }) =>
      `names ${Object.keys(input as object)
        .sort()
        .join(' and ')}; one backend at most can be configured`,
  });

export const configFileSchema = z.strictObject({
  worker_id: text,
  cleanup: optional(yesOrNo),
  max_concurrent_tasks: optional(wholeNumber),
  idle_on_complete: text,
  state_dir: text,
  on_shutdown: optional(z.enum(onShutdownChoices, `must be one of ${onShutdownChoices.join(', ')}`)),
  task_timeout: optional(duration),
  kill_grace: optional(duration),
  limits: optional(limitsSchema),
  accept: optional(acceptSchema),
  health_port: text,
  backend: optional(backendSchema),
});
export type ConfigFile = Partial<z.infer<typeof configFileSchema>>;
export type DirectSection = Partial<z.infer<typeof directSchema>>;
export type LimitsSection = Partial<z.infer<typeof limitsSchema>>;
export type AcceptSection = Partial<z.infer<typeof acceptSchema>>;
export type SandboxSection = z.infer<typeof sandboxSchema>;

export function parseConfigFile(text: string, file: string): ConfigFile {
  return readStrictYaml(text, file, configFileSchema);
}

/** A URL, for one, would be compared with names that it never equals. */
function isAddress(entry: string): boolean {
  if (isIPv6(entry)) return true;
  const [, bracketed, name, port = '1'] =
    /^(?:\[(.*)\]|((?:\*\.)?[\w-]+(?:\.[\w-]+)*))(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const isNamed = name !== undefined || (bracketed !== undefined && isIPv6(bracketed));
  return isNamed && Number(port) >= 1 && Number(port) <= 65_535;
}

function addIssue(context: z.RefinementCtx, message: string): never {
  context.addIssue(message);
  return z.NEVER;
}

/** A backend without any key of its own, `direct:`, is read as null by YAML and still names the backend. */
function sectionOf<T extends z.ZodType>(schema: T) {
  return z.preprocess((section) => section ?? {}, schema).optional();
}
