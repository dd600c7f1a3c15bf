import { z } from 'zod';
import { parseDuration } from '../../common/durations.ts';
import { readStrictYaml } from './strict-yaml.ts';

/** The config file of the official worker, key for key. Unknown keys are refused on every level. */

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
const duration = z.string().refine((value) => parseDuration(value) !== undefined, 'must be a duration such as 60s');

/** Without a value the variable is inherited from the daemon's own environment. */
const environment = z.array(
  z.strictObject({
    name: nonEmpty.regex(/^[^\s=]+$/, 'must not contain whitespace or ='),
    value: text,
  }),
);

const directSchema = z.strictObject({
  workspace_root: text,
  target_dir: text,
  oz_path: text,
  setup_command: text,
  teardown_command: text,
  environment: optional(environment),
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
  backend: optional(backendSchema),
});
export type ConfigFile = Partial<z.infer<typeof configFileSchema>>;
export type DirectSection = Partial<z.infer<typeof directSchema>>;

export function parseConfigFile(text: string, file: string): ConfigFile {
  return readStrictYaml(text, file, configFileSchema);
}

/** A backend without any key of its own, `direct:`, is read as null by YAML and still names the backend. */
function sectionOf<T extends z.ZodType>(schema: T) {
  return z.preprocess((section) => section ?? {}, schema).optional();
}
