-- Rows of a load, as format 2 added them.
INSERT INTO load_intent VALUES (0, 4);
INSERT INTO load_request VALUES (0, 1, 1, 'load', 1, 'ok', NULL, 200, 1, 0, 0, 10, 20, 30, 40, 50, 60, 90000, 5, 4, 1, 9, 8, 7, 6, 5, '0.000000000000000000000001', '0.25');
INSERT INTO load_request VALUES (1, 1, 1, 'load', 0, 'ok', NULL, 200, 1, 1, 1000, 1010, 1020, 1030, 1040, 1050, 1060, 89999, 5, 4, 1, 9, 8, 7, 6, 5, '0.000000000000000000000001', '0.25');
INSERT INTO load_request VALUES (4, 0, 0, 'load', 0, 'dropped', NULL, NULL, 0, 0, 4000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
