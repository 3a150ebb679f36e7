// The form of an integration's settings, with what the API objects to.

import type { Child, FC } from 'hono/jsx';
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

/** @param isNew whether the slug is still to be chosen. */
export const IntegrationForm: FC<{
  view: View;
  action: string;
  typed: TypedIntegration;
  isNew: boolean;
  errors: readonly ContractProblem[];
}> = ({ view, action, typed, isNew, errors }) => {
  const t = integrationTexts(view.language);
  const fieldErrors = (name: string) =>
    errors.filter(({ path }) => path === name || path.startsWith(`${name}.`));
  const field = { view, errors: fieldErrors };
  return (
    <form method="post" action={action} class="narrow">
      {errors.length > 0 && <Notice tone="bad">{t.notSaved}</Notice>}
      {isNew && (
        <Field {...field} name="slug" label={t.slug} hint={t.slugHint}>
          {(attributes) => (
            <input
              name="slug"
              value={typed.slug}
              required
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
              {...attributes}
            />
          )}
        </Field>
      )}
      <Field {...field} name="description" label={t.description} hint={t.descriptionHint}>
        {(attributes) => (
          <input name="description" value={typed.description} autocomplete="off" {...attributes} />
        )}
      </Field>
      <Field {...field} name="appId" label={t.appId} hint={t.appIdHint}>
        {(attributes) => (
          <input name="appId" value={typed.appId} autocomplete="off" spellcheck={false} {...attributes} />
        )}
      </Field>
      <Field
        {...field}
        name="allowedIps"
        label={t.allowedIps}
        hint={t.allowedIpsHint}
        lines={entriesOf(typed.allowedIps)}
      >
        {(attributes) => (
          // A browser drops a line break at the beginning (HTML, 13.1.2.5): this one protects one that was typed.
          <textarea name="allowedIps" rows={4} spellcheck={false} {...attributes}>
            {`\n${typed.allowedIps}`}
          </textarea>
        )}
      </Field>
      <Checkbox
        name="requireSignature"
        checked={typed.requireSignature}
        label={t.requireSignature}
        hint={t.requireSignatureHint}
      />
      <Checkbox
        name="acceptRejections"
        checked={typed.acceptRejections}
        label={t.acceptRejections}
        hint={t.acceptRejectionsHint}
      />
      <button type="submit">{isNew ? t.create : t.save}</button>
    </form>
  );
};

const Checkbox: FC<{ name: string; checked: boolean; label: string; hint: string }> = ({
  name,
  checked,
  label,
  hint,
}) => (
  <>
    <label>
      <input type="checkbox" name={name} value="yes" checked={checked} aria-describedby={`hint-${name}`} />
      {label}
    </label>
    <p>
      <small id={`hint-${name}`}>{hint}</small>
    </p>
  </>
);

interface FieldAttributes {
  id: string;
  'aria-describedby': string;
  'aria-invalid'?: 'true';
}

/** A labelled field with its problems and a hint. `lines` are the entries of a field that has many. */
const Field: FC<{
  view: View;
  name: string;
  label: string;
  hint: string;
  errors: (name: string) => readonly ContractProblem[];
  lines?: readonly { text: string; line: number }[];
  children: (attributes: FieldAttributes) => Child;
}> = ({ view, name, label, hint, errors, lines = [], children }) => {
  const wrong = errors(name);
  const attributes: FieldAttributes = {
    id: `field-${name}`,
    'aria-describedby': `hint-${name}`,
    ...(wrong.length > 0 && { 'aria-invalid': 'true' }),
  };
  return (
    <div class="field">
      <label for={attributes.id}>{label}</label>
      {children(attributes)}
      <div id={attributes['aria-describedby']}>
        {wrong.map((problem) => (
          <p class="wrong">
            <EntryName view={view} entry={lines[Number(problem.path.split('.')[1])]} />
            <ProblemWords language={view.language} problem={problem} />
          </p>
        ))}
        <small>{hint}</small>
      </div>
    </div>
  );
};

const EntryName: FC<{ view: View; entry: { text: string; line: number } | undefined }> = ({ view, entry }) =>
  entry === undefined ? null : (
    <>
      {integrationTexts(view.language).entry(view.formats.number(entry.line))} <Code text={entry.text} />{' '}
    </>
  );
