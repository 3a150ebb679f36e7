// Every problem has words in both languages, whatever its code.

import { describe, expect, it } from 'vitest';
import { type ContractProblem, PROBLEM_CODES, problemAt, readProblems } from '../../src/contract/problems.ts';
import { LANGUAGES } from '../../src/dashboard/frame/language.ts';
import { problemWords } from '../../src/dashboard/frame/problem-words.tsx';

/** Every parameter that a code can have. */
const PARAMS = {
  max: 7,
  min: 7,
  days: 7,
  expected: 'string',
  received: 'number',
  values: ['seven', 'eight'],
  known: ['seven'],
  parameter: 'seven',
};

describe('the words of problems', () => {
  it.each(PROBLEM_CODES.filter((code) => code !== 'other'))('are there in both languages: %s', (code) => {
    const problem = { path: '', code, params: PARAMS, message: '' } as unknown as ContractProblem;
    const words = LANGUAGES.map((language) => problemWords(problem, language));

    expect(words).toEqual([expect.stringMatching(/\w/), expect.stringMatching(/\w/)]);
    expect(words[0]).not.toBe(words[1]);
    expect(words.join()).not.toContain('undefined');
  });

  it('contain the parameters', () => {
    expect(problemWords(problemAt('', 'too-long', { max: 256 }), 'pt')).toBe(
      'deve ter no máximo 256 caracteres',
    );
    expect(problemWords(problemAt('', 'not-one-of', { values: ['response', 'status'] }), 'pt')).toBe(
      'deve ser um destes: response, status',
    );
    const ofType = (expected: string, received: string) =>
      problemAt('', 'wrong-type', { expected, received });
    expect(problemWords(ofType('string', 'number'), 'pt')).toBe('deve ser um texto, mas é um número');
    expect(problemWords(ofType('object', 'array'), 'en')).toBe('must be an object, and is a list');
  });

  it('do not exist for problems of other versions', () => {
    const written = [
      { path: 'a', message: 'was not liked then' },
      { path: 'b', code: 'not-of-today', params: {}, message: 'is not liked any more' },
    ];
    const problems = readProblems(JSON.stringify(written));

    expect(problems.map(({ message }) => message)).toEqual(written.map(({ message }) => message));
    expect(problems.map((problem) => problemWords(problem, 'pt'))).toEqual([null, null]);
  });
});
