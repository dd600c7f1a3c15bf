import { z } from 'zod';
import { parseDuration } from '../../common/durations.ts';
import { readStrictYaml } from './strict-yaml.ts';

/** The config file of the official worker, key for key. Unknown keys are refused on every level. */

const duration = z.string().refine((text) => parseDuration(text) !== undefined, 'must be a duration such as 60s or 2m');
const nonEmpty = z.string().min(1);
const strings = z.record(z.string(), z.string());

/** Without a value the variable is inherited from the daemon's own environment. */
const environment = z.array(
  z.strictObject({
    name: nonEmpty.regex(/^[^\s=]+$/, 'must not contain whitespace or ='),
    value: z.string().optional(),
  }),
);

const directSchema = z.strictObject({
  workspace_root: z.string().optional(),
  target_dir: z.string().optional(),
  oz_path: z.string().optional(),
  setup_command: z.string().optional(),
  teardown_command: z.string().optional(),
  environment: environment.optional(),
});

export const directKeys = Object.keys(directSchema.shape);

const dockerSchema = z.strictObject({ volumes: z.array(nonEmpty).optional(), environment: environment.optional() });

const commandSchema = z.strictObject({
  dispatch_command: nonEmpty,
  cancel_command: z.string().optional(),
  dispatch_timeout: duration.optional(),
  environment: environment.optional(),
});

const kubernetesSchema = z.strictObject({
  namespace: z.string().optional(),
  kubeconfig: z.string().optional(),
  default_image: z.string().optional(),
  image_pull_policy: z.enum(['Always', 'Never', 'IfNotPresent']).optional(),
  use_image_volumes: z.boolean().optional(),
  preflight_image: z.string().optional(),
  sidecar_image: z.string().optional(),
  coding_cli_sidecars: strings.optional(),
  setup_command: z.string().optional(),
  teardown_command: z.string().optional(),
  extra_labels: strings.optional(),
  extra_annotations: strings.optional(),
  active_deadline_seconds: z.int().optional(),
  ttl_seconds_after_finished: z.int().optional(),
  workspace_size_limit: z.string().optional(),
  unschedulable_timeout: duration.optional(),
  pod_template: z.looseObject({}).optional(),
  preflight_resources: z.looseObject({}).optional(),
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
  worker_id: z.string().optional(),
  cleanup: z.boolean().optional(),
  max_concurrent_tasks: z.int().optional(),
  idle_on_complete: z.string().optional(),
  backend: backendSchema.nullish(),
});
export type ConfigFile = z.infer<typeof configFileSchema>;
export type DirectSection = z.infer<typeof directSchema>;

export function parseConfigFile(text: string, file: string): ConfigFile {
  return readStrictYaml(text, file, configFileSchema);
}

/** A backend without any key of its own, `direct:`, is read as null by YAML and still names the backend. */
function sectionOf<T extends z.ZodType>(schema: T) {
  return z.preprocess((section) => section ?? {}, schema).optional();
}
