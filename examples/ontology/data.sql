INSERT INTO tenants VALUES
    ('aaaaaaaa-0000-4000-8000-000000000001', 'vital', 'Vital Pharma'),
    ('aaaaaaaa-0000-4000-8000-000000000002', 'north', 'North Devices');

INSERT INTO org_functions VALUES
    (1, 'aaaaaaaa-0000-4000-8000-000000000001', 'Medical Affairs', 'medical-affairs', 'Evidence and those who ask for it', NULL),
    (2, 'aaaaaaaa-0000-4000-8000-000000000001', 'Market Access', 'market-access', NULL, NULL),
    (3, 'aaaaaaaa-0000-4000-8000-000000000002', 'Engineering', 'engineering', NULL, NULL),
    (4, 'aaaaaaaa-0000-4000-8000-000000000001', 'Print Room', 'print-room', 'Closed', '2023-01-01 00:00:00+00');

INSERT INTO org_departments VALUES
    (1, 'aaaaaaaa-0000-4000-8000-000000000001', 1, 'Field Medical', NULL),
    (2, 'aaaaaaaa-0000-4000-8000-000000000001', 1, 'Medical Information', NULL),
    (3, 'aaaaaaaa-0000-4000-8000-000000000001', 2, 'Pricing', NULL),
    (4, 'aaaaaaaa-0000-4000-8000-000000000002', 3, 'Firmware', NULL);

INSERT INTO org_roles VALUES
    (1, 'aaaaaaaa-0000-4000-8000-000000000001', 1, NULL, 'Field Director', 4, NULL),
    (2, 'aaaaaaaa-0000-4000-8000-000000000001', 1, 1, 'Medical Science Liaison', 2, NULL),
    (3, 'aaaaaaaa-0000-4000-8000-000000000001', 2, 1, 'Information Officer', 1, NULL),
    (4, 'aaaaaaaa-0000-4000-8000-000000000001', 3, NULL, 'Pricing Analyst', 2, NULL),
    (5, 'aaaaaaaa-0000-4000-8000-000000000002', 4, NULL, 'Firmware Engineer', 2, NULL),
    (6, 'aaaaaaaa-0000-4000-8000-000000000001', 2, 3, 'Archivist', 1, '2024-05-01 00:00:00+00');

INSERT INTO personas VALUES
    (1, 'aaaaaaaa-0000-4000-8000-000000000001', 2, 'Marta, on the road', '{curious,"short of time"}'),
    (2, 'aaaaaaaa-0000-4000-8000-000000000001', 4, 'Ole, with spreadsheets', NULL);

INSERT INTO jtbd VALUES
    (1, 'aaaaaaaa-0000-4000-8000-000000000001', 'MA-1', 'When a physician asks, I want the evidence at hand, so that I can answer at once'),
    (2, 'aaaaaaaa-0000-4000-8000-000000000001', 'MX-1', 'When a price is negotiated, I want to know what it did elsewhere'),
    (3, 'aaaaaaaa-0000-4000-8000-000000000002', 'EN-1', 'When a device reports a fault, I want to see its last hour');

INSERT INTO value_categories VALUES (1, 'Speed'), (2, 'Trust');
INSERT INTO value_drivers VALUES (1, 1, 'Time to answer', 0.70), (2, 2, 'Traceable sources', 1.25);
INSERT INTO skills VALUES (1, 'Critical appraisal'), (2, 'Negotiation'), (3, 'C');
INSERT INTO tools VALUES (1, 'Literature database', 'Medline'), (2, 'Spreadsheet', NULL);

INSERT INTO jtbd_functions VALUES (1, 1, 0.95, true), (1, 2, 0.20, false), (2, 2, 0.90, true), (3, 3, 1.00, true);
INSERT INTO jtbd_roles VALUES
    (1, 1, 2, 0.90, 'critical', 'daily'),
    (2, 1, 3, 0.80, 'high', 'daily'),
    (3, 2, 4, 1.00, 'critical', 'monthly'),
    (4, 1, 2, 0.40, 'low', 'yearly'),
    (5, 3, 5, 1.00, NULL, NULL);
INSERT INTO jtbd_value_categories VALUES (1, 1), (1, 2), (2, 2), (3, 1);
INSERT INTO role_skills VALUES (2, 1, 4), (3, 1, 3), (4, 2, 5), (5, 3, 5);
INSERT INTO role_tools VALUES (2, 1), (3, 1), (4, 2);
