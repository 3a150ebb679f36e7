// The form that replaces an integration's URL.

import type { FC } from 'hono/jsx';
import { DEFAULT_OVERLAP_HOURS, MAX_OVERLAP_HOURS } from '../../api/integrations/routes.ts';
import type { ContractProblem } from '../../contract/problems.ts';
import { Panel } from '../frame/components.tsx';
import { ProblemWords } from '../frame/problem-words.tsx';
import type { View } from '../frame/view.ts';
import { integrationTexts } from './texts.ts';

const HOUR_MS = 3_600_000;

export const RotationForm: FC<{
  view: View;
  here: string;
  typedHours: string | null;
  errors: readonly ContractProblem[];
}> = ({ view, here, typedHours, errors }) => {
  const t = integrationTexts(view.language);
  const until = view.formats.dateTime(view.nowMs + DEFAULT_OVERLAP_HOURS * HOUR_MS);
  return (
    <Panel id="rotate" title={t.rotate}>
      <form method="post" action={`${here}/rotate`}>
        <div class="field">
          <label for="field-overlapHours">{t.overlapHours}</label>
          <input
            id="field-overlapHours"
            type="number"
            name="overlapHours"
            min="0"
            max={String(MAX_OVERLAP_HOURS)}
            step="any"
            required
            value={typedHours ?? String(DEFAULT_OVERLAP_HOURS)}
            aria-describedby="hint-overlapHours"
            {...(errors.length > 0 && { 'aria-invalid': 'true' as const })}
          />
          <div id="hint-overlapHours">
            {errors.map((problem) => (
              <p class="wrong">
                <ProblemWords language={view.language} problem={problem} />
              </p>
            ))}
            <small>
              {t.rotateHint} {t.rotateDefault(until)}
            </small>
          </div>
        </div>
        <button type="submit">{t.rotate}</button>
      </form>
    </Panel>
  );
};
