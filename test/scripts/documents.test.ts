// The documents beside the project: what they link to, name and tell to run is there.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENTS = ['*.md', 'docs/*.md'].flatMap((pattern) => globSync(pattern, { cwd: PROJECT })).sort();
/** It tells of what was, too. */
const HISTORY = 'CHANGELOG.md';

const MAX_README_LINES = 150;

function read(path: string): string {
  return readFileSync(join(PROJECT, path), 'utf8');
}

/** A document without its blocks of code. */
function proseOf(document: string): string {
  return read(document).replaceAll(/^```[^\n]*\n[\s\S]*?^```$/gm, '');
}

/** What a document links to or shows, but for what is on the internet. */
function targetsOf(document: string): string[] {
  const prose = proseOf(document);
  const links = Array.from(prose.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target);
  const images = Array.from(prose.matchAll(/\bsrc="([^"]+)"/g), ([, target = '']) => target);
  return [...links, ...images].filter((target) => !/^[a-z]+:/.test(target));
}

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(document: string): string[] {
  return Array.from(proseOf(document).matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe.each(DOCUMENTS)('%s', (document) => {
  it('links to nothing that is not there', () => {
    const broken = targetsOf(document).filter((target) => {
      const [path = '', anchor] = target.split('#');
      const file = path === '' ? document : normalize(join(dirname(document), path));
      if (!existsSync(join(PROJECT, file))) return true;
      return anchor !== undefined && !anchorsOf(file).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it.skipIf(document === HISTORY)('names no file of the project that is not there', () => {
    const named = Array.from(
      proseOf(document).matchAll(/`((?:src|test|scripts|tools|packages|examples|docs)\/[\w./*-]*)`/g),
      ([, path = '']) => path,
    );
    const isThere = (path: string) =>
      path.endsWith('.dev.vars') || globSync(path, { cwd: PROJECT }).length > 0; // those the reader makes
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  it('tells to run no command that is not there', () => {
    const named = Array.from(
      read(document).matchAll(/\bnpm run (?:--silent )?([\w:-]+)/g),
      ([, name = '']) => name,
    );
    expect(named.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([]);
  });

  it('gives each of its headings an anchor of its own', () => {
    const anchors = anchorsOf(document);
    expect(
      document === HISTORY ? [] : anchors.filter((anchor, index) => anchors.indexOf(anchor) < index),
    ).toEqual([]);
  });
});

describe('the two README', () => {
  const languages = ['README.md', 'README.pt-BR.md'] as const;

  it.each(languages)('%s is short', (readme) => {
    expect(read(readme).trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_README_LINES);
  });

  it('have the same code, pictures and links, but for those to each other', () => {
    const [english, portuguese] = languages.map((readme) => ({
      blocks: read(readme).match(/^```[^\n]*\n[\s\S]*?^```$/gm),
      targets: targetsOf(readme).filter((target) => !target.startsWith('README')),
    }));
    expect(portuguese).toEqual(english);
  });
});

describe('the workflow of GitHub Actions', () => {
  it('runs every check, and deploys what is tagged once they have passed', () => {
    const { jobs } = parse(read('.github/workflows/ci.yml'));
    expect(jobs.check.steps.at(-1)).toEqual({ run: '.ci/run' });
    expect(jobs.deploy).toMatchObject({ if: "startsWith(github.ref, 'refs/tags/v')", needs: 'check' });
    expect(jobs.deploy.steps.at(-1)).toMatchObject({ run: 'npm run deploy' });
  });
});
