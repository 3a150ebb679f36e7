// Problems of webhooks and of parameters in the reader's language, by their code. One whose code is not known here, such
// as an old one, is shown with the API's message.

import type { FC } from 'hono/jsx';
import type { ContractProblem } from '../../contract/problems.ts';
import { Code } from './components.tsx';
import type { Language } from './language.ts';
import { problemTexts } from './problem-texts.ts';
import { excerptOf } from './text-cutting.ts';
import { withinItself } from './writing-direction.ts';

/** A problem in words; `null` where there is only the API's message. */
export function problemWords(problem: ContractProblem, language: Language): string | null {
  if (problem.code === 'other') return null;
  const words: string | ((params: never) => string) = problemTexts(language)[problem.code];
  return typeof words === 'string' ? words : words(problem.params as never);
}

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

/** No path of the contract is longer. */
const MAX_PATH_CHARACTERS = 200;

/** Where each problem is, and what it is. A problem without a path is one of the whole webhook. */
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
  path === '' ? null : <Code text={excerptOf(path, MAX_PATH_CHARACTERS)} />;
