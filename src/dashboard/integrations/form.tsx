// The form of an integration's settings, with what the API objects to.

import type { FC, JSX } from 'hono/jsx';
import type * as z from 'zod';
import type { newIntegration, ShownIntegration } from '../../api/integrations/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import { Code, Notice } from '../frame/components.tsx';
import { ProblemWords } from '../frame/problem-words.tsx';
import type { View } from '../frame/view.ts';
import { integrationTexts } from './texts.ts';

/** The fields as they were typed. */
export interface TypedIntegration {
  slug: string;
  appId: string;
  description: string;
  /** One a line. */
  allowedIps: string;
  requireSignature: boolean;
  acceptRejections: boolean;
}

export function typedOf(form: Record<string, unknown>): TypedIntegration {
  const text = (name: string) => (typeof form[name] === 'string' ? form[name] : '');
  return {
    slug: text('slug').trim(),
    appId: text('appId').trim(),
    description: text('description').trim(),
    allowedIps: text('allowedIps'),
    requireSignature: form.requireSignature === 'yes',
    acceptRejections: form.acceptRejections === 'yes',
  };
}

/** The settings of an integration, as they would be typed. */
export function typedFrom(integration: ShownIntegration): TypedIntegration {
  return {
    slug: integration.slug,
    appId: integration.appId ?? '',
    description: integration.description ?? '',
    allowedIps: integration.allowedIps?.join('\n') ?? '',
    requireSignature: integration.requireSignature,
    acceptRejections: integration.onRejection === 'accept',
  };
}

/** The settings to ask the API for. An empty field asks for none. */
export function settingsOf({
  appId,
  description,
  allowedIps,
  requireSignature,
  acceptRejections,
}: TypedIntegration): Omit<z.input<typeof newIntegration>, 'slug'> {
  const ranges = entriesOf(allowedIps).map(({ text }) => text);
  return {
    appId: appId || null,
    description: description || null,
    allowedIps: ranges.length === 0 ? null : ranges,
    requireSignature,
    onRejection: acceptRejections ? 'accept' : 'refuse',
  };
}

/** The lines that are not empty, each with its number. */
function entriesOf(lines: string): { text: string; line: number }[] {
  return lines
    .split(/\r\n|\n|\r/)
    .map((text, index) => ({ text: text.trim(), line: index + 1 }))
    .filter(({ text }) => text !== '');
}

interface FormProps {
  view: View;
  typed: TypedIntegration;
  errors: readonly ContractProblem[];
}

/** @param isNew whether the slug is still to be chosen. */
export const IntegrationForm: FC<FormProps & { action: string; isNew: boolean }> = ({
  action,
  isNew,
  ...form
}) => {
  const t = integrationTexts(form.view.language);
  return (
    <form method="post" action={action} class="narrow">
      {form.errors.length > 0 && <Notice tone="bad">{t.notSaved}</Notice>}
      {isNew && (
        <Field
          {...form}
          name="slug"
          input={{ required: true, autocomplete: 'off', autocapitalize: 'none', spellcheck: false }}
        />
      )}
      <Field {...form} name="description" input={{ autocomplete: 'off' }} />
      <Field {...form} name="appId" input={{ autocomplete: 'off', spellcheck: false }} />
      <Field {...form} name="allowedIps" />
      <Checkbox {...form} name="requireSignature" />
      <Checkbox {...form} name="acceptRejections" />
      <button type="submit">{isNew ? t.create : t.save}</button>
    </form>
  );
};

const Checkbox: FC<FormProps & { name: 'requireSignature' | 'acceptRejections' }> = ({
  view,
  typed,
  name,
}) => {
  const t = integrationTexts(view.language);
  return (
    <>
      <label>
        <input
          type="checkbox"
          name={name}
          value="yes"
          checked={typed[name]}
          aria-describedby={`hint-${name}`}
        />
        {t[name]}
      </label>
      <p>
        <small id={`hint-${name}`}>{t[`${name}Hint`]}</small>
      </p>
    </>
  );
};

/** A field with its problems and a hint. `input` are the attributes of a field of one line. */
const Field: FC<
  FormProps & {
    name: 'slug' | 'description' | 'appId' | 'allowedIps';
    input?: JSX.IntrinsicElements['input'];
  }
> = ({ view, typed, errors, name, input }) => {
  const t = integrationTexts(view.language);
  const wrong = errors.filter(({ path }) => path === name || path.startsWith(`${name}.`));
  const attributes = {
    id: `field-${name}`,
    'aria-describedby': `hint-${name}`,
    ...(wrong.length > 0 && { 'aria-invalid': 'true' as const }),
  };
  const entries = entriesOf(typed.allowedIps);
  return (
    <div class="field">
      <label for={attributes.id}>{t[name]}</label>
      {input === undefined ? (
        // A browser drops a line break at the beginning (HTML, 13.1.2.5): this one protects one that was typed.
        <textarea name={name} rows={4} spellcheck={false} {...attributes}>
          {`\n${typed[name]}`}
        </textarea>
      ) : (
        <input name={name} value={typed[name]} {...input} {...attributes} />
      )}
      <div id={attributes['aria-describedby']}>
        {wrong.map((problem) => (
          <p class="wrong">
            <EntryName view={view} entry={entries[Number(problem.path.split('.')[1])]} />
            <ProblemWords language={view.language} problem={problem} />
          </p>
        ))}
        <small>{t[`${name}Hint`]}</small>
      </div>
    </div>
  );
};

/** The line of a problem with one of the entries of a field. */
const EntryName: FC<{ view: View; entry: { text: string; line: number } | undefined }> = ({ view, entry }) =>
  entry === undefined ? null : (
    <>
      {integrationTexts(view.language).entry(view.formats.number(entry.line))} <Code text={entry.text} />{' '}
    </>
  );
