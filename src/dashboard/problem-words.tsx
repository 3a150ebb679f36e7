// What is wrong, in the reader's language. The API says it in English, and rejections keep it as it was said when they
// came: the words here are found by what the API writes, and what is not known is shown as it is.

import type { FC } from 'hono/jsx';
import type { ProblemError } from '../problem.ts';
import type { Language } from './language.ts';
import { excerptOf } from './text-cutting.ts';
import { problemTexts } from './texts/problems.ts';
import { withinItself } from './writing-direction.ts';

/** What the API writes; `{}` stands for what differs. */
const WRITTEN: Record<keyof typeof problemTexts.entries, string> = {
  required: 'is required',
  empty: 'must not be empty',
  tooLong: 'must have at most {} characters',
  unfaithful: 'must not contain control characters or lone surrogates',
  phoneWithCountry: 'must be a phone number with its country code',
  phone: 'must be a phone number or an identity',
  areaCode: 'must have its area code, or + and the country code of another country',
  moment: 'must be an ISO 8601 date and time with Z or an offset',
  numberOrText: 'must be a number or a text',
  oneOf: 'must be one of {}',
  statusWord: 'must be a word such as {}',
  wrongType: 'Invalid input: expected {}, received {}',
  bodyEmpty: 'is empty',
  badlyEncoded: 'is not encoded as its Content-Encoding says (RFC 9110, section 8.4)',
  notUtf8: 'is not UTF-8 (RFC 8259, section 8.1)',
  notJson: 'cannot be parsed as JSON (RFC 8259)',
  otherApplication: 'is not the application that this address is bound to',
  noIntegration: 'the integration does not exist',
  disabled: 'the integration is disabled',
  rotatedAway: 'the token was rotated away',
  address: 'the address is not among the allowed ones',
  signature: 'the signature is missing or does not hold',
  differs: 'differs from the event',
  notInEvent: 'is not in the event',
  onlyInEvent: 'is missing, and is in the event',
  slug: 'must be 3 to 64 lower-case letters, digits and hyphens',
  oneLine: 'must be one line of text',
  range: 'must be an address or a CIDR range of IPv4 or IPv6',
  emptyList: 'must not be empty; null lets webhooks come from anywhere',
  tooMany: 'must have at most {} entries',
  hours: 'must be a number of hours from 0 to {}',
  unknownField: 'is not a known field',
  trueOrFalse: 'must be true or false',
  place: 'must be the `next` of an earlier answer',
};

const PATTERNS = Object.entries(WRITTEN).map(([name, written]) => ({
  name: name as keyof typeof WRITTEN,
  pattern: new RegExp(`^${RegExp.escape(written).replaceAll(RegExp.escape('{}'), '(.{1,200})')}$`),
}));

/** What the API says is wrong, in a language; `null`: not known here. */
export function problemWords(message: string, language: Language): string | null {
  const t = problemTexts(language);
  for (const { name, pattern } of PATTERNS) {
    const found = pattern.exec(message);
    if (found === null) continue;
    const words: string | ((...parts: string[]) => string) = t[name];
    return typeof words === 'string' ? words : words(...found.slice(1));
  }
  return null;
}

/** What is wrong, in words; those of the API where there are no other ones. */
export const ProblemWords: FC<{ language: Language; message: string }> = ({ language, message }) => {
  const words = problemWords(message, language);
  return words === null ? (
    <bdi class="said" lang="en">
      {withinItself(message)}
    </bdi>
  ) : (
    <span>{words}</span>
  );
};

/** Longer paths are none of the contract's. */
const MAX_PATH_CHARACTERS = 200;

/** Where and what, for each thing that is wrong with a webhook. Without a path it is said of the webhook itself. */
export const ProblemList: FC<{ language: Language; problems: readonly ProblemError[] }> = ({
  language,
  problems,
}) => (
  <ul class="problems">
    {problems.map(({ path, message }) => (
      <li>
        <ProblemPath path={path} /> <ProblemWords language={language} message={message} />
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
