-- Package upgrades on the server itself, in transactions of two packages: of each the version is bumped, two dependencies are
-- dropped and two added, ten row changes in all. Returns how many rows were changed.
CREATE OR REPLACE PROCEDURE bench_upgrades(transactions integer, INOUT changes bigint)
LANGUAGE plpgsql AS $$
DECLARE
    names  text[] := (SELECT array_agg(package) FROM (SELECT package FROM dependencies GROUP BY package HAVING count(*) >= 2
                                                      ORDER BY package) AS p);
    chosen text;
    touched   bigint;
BEGIN
    changes := 0;
    FOR i IN 1 .. transactions LOOP
        FOR j IN 1 .. 2 LOOP
            chosen := names[1 + floor(random() * array_length(names, 1))];
            UPDATE packages SET version = regexp_replace(version, '[+]up[0-9.]+$', '') || '+up' || i || '.' || j
            WHERE name = chosen;
            GET DIAGNOSTICS touched = ROW_COUNT;
            changes := changes + touched;
            DELETE FROM dependencies WHERE id IN (SELECT id FROM dependencies WHERE package = chosen LIMIT 2);
            GET DIAGNOSTICS touched = ROW_COUNT;
            changes := changes + touched;
            INSERT INTO dependencies (package, kind, group_no, alternative_no, target, op, version)
            SELECT chosen, 'depends', 1000 + j, t, names[1 + floor(random() * array_length(names, 1))], '>=', '1.' || i
            FROM generate_series(1, 2) AS t;
            changes := changes + 2;
        END LOOP;
        COMMIT;
    END LOOP;
END
$$;
