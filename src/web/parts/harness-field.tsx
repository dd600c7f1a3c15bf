import { harnesses } from '../model/labels.ts';

export function HarnessField() {
  return (
    <div className="field">
      <label htmlFor="harness">Harness</label>
      <select id="harness" name="harness" defaultValue="shell">
        {harnesses.map(({ type, label, built }) => (
          <option key={type} value={type} disabled={!built}>
            {built ? label : `${label} (not in this version)`}
          </option>
        ))}
      </select>
    </div>
  );
}
