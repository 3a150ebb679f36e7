import { texts } from './language.ts';

export const bodyTexts = texts({
  empty: { en: 'It is empty.', pt: 'Está vazio.' },
  notText: { en: 'It is not text. Its bytes:', pt: 'Não é texto. Os bytes:' },
  cut: {
    en: (shown: string, all: string) => `The first ${shown} characters of ${all}.`,
    pt: (shown: string, all: string) => `Os primeiros ${shown} caracteres de ${all}.`,
  },
  bytesCut: {
    en: (shown: string, all: string) => `The first ${shown} of ${all}.`,
    pt: (shown: string, all: string) => `Os primeiros ${shown} de ${all}.`,
  },
  raw: { en: 'As text', pt: 'Como texto' },
});
