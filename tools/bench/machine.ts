// Describes the machine, without which the figures mean nothing.
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  system: string;
  node: string;
  workerd: string;
  miniflare: string;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.versions.node,
    workerd: versionOf('workerd'),
    miniflare: versionOf('miniflare'),
  };
}

function versionOf(name: string): string {
  const manifest = createRequire(import.meta.url)(`${name}/package.json`) as { version: string };
  return manifest.version;
}
