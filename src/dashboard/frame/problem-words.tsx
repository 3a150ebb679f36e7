// What is wrong, in the reader's language, by its code. What has no code known here is shown as it was said.

import type { FC } from 'hono/jsx';
import type { ContractProblem } from '../../contract/problems.ts';
import type { Language } from './language.ts';
import { problemTexts } from './problem-texts.ts';
import { excerptOf } from './text-cutting.ts';
import { withinItself } from './writing-direction.ts';

/** What is wrong, in a language; `null`: there is only the message. */
export function problemWords(problem: ContractProblem, language: Language): string | null {
  if (problem.code === 'other') return null;
  const words: string | ((params: never) => string) = problemTexts(language)[problem.code];
  return typeof words === 'string' ? words : words(problem.params as never);
}

/** What is wrong, in words; those of the API where there are no other ones. */
export const ProblemWords: FC<{ language: Language; problem: ContractProblem }> = ({ language, problem }) => {
  const words = problemWords(problem, language);
  return words === null ? (
    <bdi class="said" lang="en">
      {withinItself(problem.message)}
    </bdi>
  ) : (
    <span>{words}</span>
  );
};

/** Longer paths are none of the contract's. */
const MAX_PATH_CHARACTERS = 200;

/** Where and what, for each thing that is wrong with a webhook. Without a path it is said of the webhook itself. */
export const ProblemList: FC<{ language: Language; problems: readonly ContractProblem[] }> = ({
  language,
  problems,
}) => (
  <ul class="problems">
    {problems.map((problem) => (
      <li>
        <ProblemPath path={problem.path} /> <ProblemWords language={language} problem={problem} />
      </li>
    ))}
  </ul>
);

export const ProblemPath: FC<{ path: string }> = ({ path }) =>
  path === '' ? null : (
    <code>
      <bdi>{withinItself(excerptOf(path, MAX_PATH_CHARACTERS))}</bdi>
    </code>
  );
