// The SQL that tells which texts could hold a phone number, however it is written: with separators between its digits, in
// full-width digits, or encoded for JSON, HTML or an address. It finds too much rather than too little.

import { ASCII_SEPARATORS, OTHER_SEPARATORS } from '../contract/number-separators.ts';
import {
  SIGNIFICANT_ENTITIES,
  SIGNIFICANT_ESCAPES,
  SIGNIFICANT_PERCENTS,
} from '../contract/text-encodings.ts';
import { lastSeqWithinSql } from './places.ts';

/** Rows, and bytes of text, that one statement searches: a few tenths of a second of D1's single thread. */
export const STEP_ROWS = 5_000;
export const STEP_BYTES = 6_000_000;

/** The first bytes, in UTF-8, of the separators that are not ASCII. */
const OTHER_BEGINNINGS = [
  ...new Set(OTHER_SEPARATORS.map((letter) => new TextEncoder().encode(letter).slice(0, 2).toHex())),
];

/** The first bytes of full-width digits and signs. They are too rare to be replaced in SQL. */
const FULL_WIDTH_BEGINNING = 'efbc';

/**
 * A text without its separators, and without `+`, which stands for a blank in forms. Every character that is taken out is
 * another pass over the text, so the rare ones are only taken out where there are some.
 *
 * @param isJson in JSON a line break or a tab stands within a number only as its escape.
 */
function strippedSql(text: string, isJson: boolean): string {
  const unescaped = withoutParts(text, ['\\n', '\\r', '\\t', '\\']);
  const plain = `CASE WHEN instr(${text}, '\\') > 0 THEN ${unescaped} ELSE ${text} END`;
  const common = ASCII_SEPARATORS.filter((letter) => letter !== '\\' && (!isJson || letter >= ' '));
  const stripped = withoutLetters(plain, [...common, '+']);
  return `CASE WHEN ${hasOthersSql(text)} THEN ${withoutLetters(stripped, OTHER_SEPARATORS)} ELSE ${stripped} END`;
}

/** Whether a text has separators that are not ASCII, or what begins like them. */
function hasOthersSql(text: string): string {
  const has = OTHER_BEGINNINGS.map((begin) => `instr(CAST(${text} AS BLOB), x'${begin}') > 0`);
  return ifSql(`octet_length(${text}) > length(${text})`, has.join(' OR '));
}

/** A text that may be percent-encoded, without its separators, encoded or not, and with its digits decoded. */
function percentStrippedSql(text: string): string {
  const letters = [...ASCII_SEPARATORS, '+'];
  const encoded = letters.map(
    (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
  const lines = ['N', 'R', 'T'].flatMap((letter) => [`%5C${letter}`, `\\${letter}`]);
  return withoutLetters(withoutParts(`upper(${text})`, [...lines, ...encoded, '%3']), letters);
}

function withoutParts(sql: string, parts: readonly string[]): string {
  return parts.reduce((inner, part) => `replace(${inner}, '${part}', '')`, sql);
}

function withoutLetters(sql: string, letters: readonly string[]): string {
  return letters.reduce((inner, letter) => `replace(${inner}, char(${letter.charCodeAt(0)}), '')`, sql);
}

/** Whether the number may be written in an encoding that SQL does not decode. */
function isEncodedSql(text: string): string {
  // upper() costs a pass over the text: it is only done where the first byte of what is looked for is there.
  const percents = Array.from(
    Map.groupBy(SIGNIFICANT_PERCENTS, (part) => part.slice(0, '%XX'.length)),
    ([byte, parts]) => ifSql(hasAnySql(text, casesOf(byte)), hasAnySql(`upper(${text})`, parts)),
  );
  return `(
    ${ifSql(hasAnySql(text, ['\\u']), hasAnySql(text, SIGNIFICANT_ESCAPES))}
    OR ${ifSql(hasAnySql(text, ['&']), hasAnySql(text, SIGNIFICANT_ENTITIES))}
    OR ${ifSql(hasPercentsSql(text), `${hasOthersSql(text)} OR ${percents.join(' OR ')}`)}
    OR ${ifSql(`octet_length(${text}) > length(${text})`, `instr(CAST(${text} AS BLOB), x'${FULL_WIDTH_BEGINNING}') > 0`)}
  )`;
}

/**
 * Whether something percent-encoded could stand within a number: behind a digit, or behind what can stand between digits. In
 * most addresses it stands behind letters.
 */
function hasPercentsSql(text: string): string {
  return ifSql(hasAnySql(text, ['%']), `${text} GLOB '*[^A-Za-z"''=&?:,_<>{}%]%*'`);
}

function hasAnySql(text: string, parts: readonly string[]): string {
  return `(${parts.map((part) => `instr(${text}, '${part}') > 0`).join(' OR ')})`;
}

/** Both conditions, the second computed only where the first holds. SQLite computes both sides of `AND`. */
function ifSql(first: string, second: string): string {
  return `CASE WHEN ${first} THEN ${second} ELSE false END`;
}

/** A percent-encoded byte in upper and in lower case, digit by digit. */
function casesOf(byte: string): string[] {
  return Array.from(byte).reduce(
    (begins, letter) =>
      [...new Set([letter, letter.toLowerCase()])].flatMap((one) => begins.map((begin) => begin + one)),
    [''],
  );
}

/**
 * Searches at most ?2 rows behind ?1, with at most ?3 bytes of text, or one row that has more by itself. ?4 is the contact,
 * ?5 the digits.
 */
function searchSql(
  table: string,
  text: string,
  {
    isCertain = 'false',
    isUnclear = 'false',
    isJson = true,
    where = '?4 = ?4',
  }: { isCertain?: string; isUnclear?: string; isJson?: boolean; where?: string },
): string {
  const rows = `SELECT seq, octet_length(${text}) AS bytes FROM ${table} WHERE seq > ?1 ORDER BY seq LIMIT ?2`;
  return `
    SELECT count(*) AS scanned, max(seq) AS lastSeq,
      json_group_array(json_array(seq, bytes, is_certain)) FILTER (WHERE is_searched AND (
        is_certain OR is_unclear OR instr(stripped, ?5) > 0 OR instr(percent_stripped, ?5) > 0
      )) AS found
    FROM (
      SELECT seq, octet_length(${text}) AS bytes, ${where} AS is_searched, ${isCertain} AS is_certain,
        ${isUnclear} OR ${isEncodedSql(text)} AS is_unclear,
        ${strippedSql(text, isJson)} AS stripped,
        CASE WHEN ${hasPercentsSql(text)} THEN ${percentStrippedSql(text)} ELSE '' END AS percent_stripped
      FROM ${table}
      WHERE seq > ?1 AND seq <= (${lastSeqWithinSql(rows, '?3')})
      ORDER BY seq LIMIT ?2
    )`;
}

/** By kind of what is searched. */
export const MENTION_SEARCHES = {
  event: searchSql('events NOT INDEXED', 'payload', { where: 'contact <> ?4' }),
  rejection: searchSql('rejections NOT INDEXED', 'body', {
    isUnclear: "body_encoding = 'base64'",
    isJson: false,
  }),
  deadLetter: searchSql('dead_letters NOT INDEXED', 'body', {
    isCertain: 'coalesce(contact = ?4, false)',
    isUnclear: `kind = 'intake' AND instr(body, '"base64":') > 0`,
  }),
  auditEntry: searchSql('audit NOT INDEXED', "(object || ' ' || detail)", {}),
  replay: searchSql('(SELECT id AS seq, filter FROM replays)', 'filter', {}),
};
