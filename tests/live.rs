//! The main job against a real SQL Server, only when `STOPAT_TEST_SERVER` names one.
